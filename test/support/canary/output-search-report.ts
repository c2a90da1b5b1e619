import { rmSync } from 'node:fs';
import type { Reporter, TestModule, TestProject } from 'vitest/node';
import { ROW_MARKERS } from './canary-values.ts';
import { judgeOutput, searchOutput } from './search-output.ts';

/**
 * Searches what the services of a run have written for what they must not write, says what it went through, and fails
 * the run when it finds something; what they wrote is kept then.
 */
export class OutputSearchReport implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const project of new Set(modules.map((module) => module.project))) {
      judgeProject(project);
    }
  }
}

function judgeProject(project: TestProject): void {
  const { outputDir, postgres } = project.getProvidedContext();
  if (outputDir === undefined) {
    return;
  }
  const search = searchOutput(outputDir, [
    ...ROW_MARKERS.map((value) => ({ kind: 'part of a row', value })),
    { kind: "password of the run's server", value: postgres.address.password },
  ]);
  try {
    process.stdout.write(`\n${project.name}: ${judgeOutput(search, outputDir)}\n`);
    rmSync(outputDir, { recursive: true });
  } catch (error) {
    process.stderr.write(`\n${project.name}: ${String(error)}\n`);
    process.exitCode = 1;
  }
}
