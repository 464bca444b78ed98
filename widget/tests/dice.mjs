// Repeatable randomness: a seed makes a run, and a failing run names its seed.

/** mulberry32: small, and good enough to choose what a test does next. */
export function dice(seed) {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    random,
    below: (limit) => Math.floor(random() * limit),
    chance: (part) => random() < part,
    one: (list) => list[Math.floor(random() * list.length)],
  };
}
