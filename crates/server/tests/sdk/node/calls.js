// Which public methods a client has, and which of them this run has called.

const known = new Set();
const called = new Set();

function noted(name, method) {
  known.add(name);
  return function note(...args) {
    called.add(name);
    return method.apply(this, args);
  };
}

/** Notes the calls of all methods of a class. */
export function noteClass(title, { prototype }) {
  for (const method of Object.getOwnPropertyNames(prototype)) {
    if (method !== 'constructor') {
      prototype[method] = noted(`${title}.${method}`, prototype[method]);
    }
  }
}

/** The same object, whose calls are noted. */
export function noteObject(title, object) {
  const entries = Object.entries(object).map(([name, value]) => [
    name,
    typeof value === 'function' ? noted(`${title}.${name}`, value) : value,
  ]);
  return Object.fromEntries(entries);
}

/** The methods that nothing has called so far. */
export const uncalled = () => [...known].filter((name) => !called.has(name)).sort();
