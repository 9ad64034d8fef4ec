// Reads {name: text} of scripts, and answers every mutant that Stryker knows of them.
import { text } from "node:stream/consumers";
import { createInstrumenter } from "@stryker-mutator/instrumenter";
import { createInjector } from "typed-inject";

const silent = new Proxy({}, { get: (_, name) => (String(name).startsWith("is") ? () => false : () => {}) });
const instrumenter = createInjector()
  .provideValue("options", {})
  .provideValue("logger", silent)
  .provideValue("getLogger", () => silent)
  .injectFunction(createInstrumenter);
const scripts = Object.entries(JSON.parse(await text(process.stdin)));
const { mutants } = await instrumenter.instrument(
  scripts.map(([name, content]) => ({ name, content, mutate: true })),
  { plugins: null, excludedMutations: [], ignorers: [] },
);
process.stdout.write(JSON.stringify(mutants));
