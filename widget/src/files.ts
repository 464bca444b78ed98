// Files that wait to be uploaded, kept by the browser (IndexedDB), so that a reload does not lose them. Where that is
// forbidden, memory keeps them.

const NAME = "tidings";
const STORE = "files";

export interface FileKeep {
  put(id: string, file: Blob): Promise<void>;
  get(id: string): Promise<Blob | null>;
  remove(id: string): Promise<void>;
}

export function fileKeep(factory: IDBFactory | undefined): FileKeep {
  const memory = new Map<string, Blob>();
  let opened: Promise<IDBDatabase> | null = null;

  const open = (): Promise<IDBDatabase> => {
    opened ??= new Promise((resolve, reject) => {
      if (!factory) throw new Error("no database");
      const request = factory.open(NAME, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    return opened;
  };

  const within = async <T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
    const database = await open();
    return new Promise((resolve, reject) => {
      const request = work(database.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  };

  return {
    async put(id, file) {
      memory.set(id, file);
      await within("readwrite", (store) => store.put(file, id)).catch(() => {});
    },
    async get(id) {
      const known = memory.get(id);
      if (known) return known;
      return (await within<Blob | undefined>("readonly", (store) => store.get(id)).catch(() => null)) ?? null;
    },
    async remove(id) {
      memory.delete(id);
      await within("readwrite", (store) => store.delete(id)).catch(() => {});
    },
  };
}
