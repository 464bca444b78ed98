// Decides the same rules on the same facts again and again, and tells what one decision takes.
//
// From standard input: {rules, facts, rounds, decisions}. A fact has a name and no path, and rules are added before the
// clock starts: the engine's fastest form. The best of the rounds counts.
import { readFileSync } from "node:fs";
import { Engine } from "json-rules-engine";

const { rules, facts, rounds, decisions } = JSON.parse(readFileSync(0, "utf8"));
const engine = new Engine(rules);
let decided;
const decide = async () => {
  const { events } = await engine.run(facts);
  decided = events.map((event) => event.type);
};
for (let warm = 0; warm < decisions; warm += 1) await decide();
let best = Infinity;
for (let round = 0; round < rounds; round += 1) {
  const began = process.hrtime.bigint();
  for (let decision = 0; decision < decisions; decision += 1) await decide();
  best = Math.min(best, Number(process.hrtime.bigint() - began) / decisions);
}
console.log(JSON.stringify({ decided, nanoseconds: best }));
