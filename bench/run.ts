import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchOptions, parseBenchOptions, USAGE } from './bench-options.ts';
import { runBench } from './run-bench.ts';
import { writeSection } from './write-section.ts';

const PAGE = new URL('../docs/performance.md', import.meta.url);
/** sysexits.h, EX_USAGE. */
const EXIT_USAGE = 64;

const options = optionsOrExit();
const folder = mkdtempSync(join(tmpdir(), 'tidegauge-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
// The servers end with this process.
process.once('SIGINT', () => process.exit(128 + constants.signals.SIGINT));

const tables = await runBench(options, folder, (progress) => console.error(progress));
console.log(tables);
if (options.write) await writeFile(PAGE, writeSection(await readFile(PAGE, 'utf8'), tables));

function optionsOrExit(): BenchOptions {
  try {
    return parseBenchOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}
