// What the browser keeps: a few named texts under one prefix. Where a browser forbids it, memory does, for this page.

export interface Keep {
  get(key: string): string | null;
  set(key: string, value: string | null): void;
  keys(): string[];
}

export function keep(storage: Storage | null, prefix: string): Keep {
  const memory = new Map<string, string>();
  const usable = storage !== null && works(storage);
  return {
    get(key) {
      if (!usable) return memory.get(key) ?? null;
      return storage.getItem(prefix + key) ?? memory.get(key) ?? null;
    },
    set(key, value) {
      memory.delete(key);
      try {
        if (!usable) throw new Error("no storage");
        if (value === null) storage.removeItem(prefix + key);
        else storage.setItem(prefix + key, value);
      } catch {
        // Forbidden, or full: this page goes on with what it has in memory.
        if (value !== null) memory.set(key, value);
      }
    },
    keys() {
      const found = new Set(memory.keys());
      for (let index = 0; usable && index < storage.length; index += 1) {
        const key = storage.key(index);
        if (key?.startsWith(prefix)) found.add(key.slice(prefix.length));
      }
      return [...found];
    },
  };
}

export function read<T>(kept: Keep, key: string): T | null {
  try {
    return JSON.parse(kept.get(key) ?? "null") as T | null;
  } catch {
    return null;
  }
}

function works(storage: Storage): boolean {
  try {
    storage.setItem("tidings:probe", "1");
    storage.removeItem("tidings:probe");
    return true;
  } catch {
    return false;
  }
}
