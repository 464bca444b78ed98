// A short, soft sound for a new message, made on the spot: no file to load.

let context: AudioContext | null = null;

/** Two notes, each with the loudness of a tap on a glass. */
const NOTES = [
  { hertz: 740, at: 0 },
  { hertz: 988, at: 0.09 },
];

/** Browsers only let sound out after the visitor did something on the page; before that nothing is heard. */
export function ring(): void {
  try {
    context ??= new AudioContext();
    if (context.state === "suspended") void context.resume();
    const now = context.currentTime;
    for (const { hertz, at } of NOTES) {
      const tone = context.createOscillator();
      const loudness = context.createGain();
      tone.type = "sine";
      tone.frequency.value = hertz;
      loudness.gain.setValueAtTime(0, now + at);
      loudness.gain.linearRampToValueAtTime(0.08, now + at + 0.01);
      loudness.gain.exponentialRampToValueAtTime(0.0001, now + at + 0.35);
      tone.connect(loudness).connect(context.destination);
      tone.start(now + at);
      tone.stop(now + at + 0.4);
    }
  } catch {
    // A browser without sound is a silent one.
  }
}
