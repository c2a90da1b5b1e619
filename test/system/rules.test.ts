import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCommand } from '#test/support/run-command.ts';
import { hasPrograms } from '#test/support/system/programs.ts';

const RULES = globSync('prometheus/rules/*.yml').toSorted();
const TESTS = globSync('prometheus/tests/*.yml').toSorted();

/** What promtool says, and whether it is content. */
async function promtool(
  ...args: readonly string[]
): Promise<{ readonly isContent: boolean; readonly said: string }> {
  const { code, stdout, stderr } = await runCommand(['promtool', ...args]);
  return { isContent: code === 0, said: `${stdout}${stderr}` };
}

describe.runIf(hasPrograms('promtool'))('promtool', () => {
  it('accepts the configuration and finds every file of rules', async () => {
    const result = await promtool('check', 'config', 'prometheus/prometheus.yml');

    expect(result).toStrictEqual({
      isContent: true,
      said: expect.stringContaining(`${RULES.length} rule files found`),
    });
  });

  it('finds no fault in the rules', async () => {
    const result = await promtool('check', 'rules', '--lint=all', '--lint-fatal', ...RULES);

    expect(result).toMatchObject({ isContent: true });
  });

  it('sees every test of the rules pass', async () => {
    const result = await promtool('test', 'rules', ...TESTS);

    expect(result).toMatchObject({ isContent: true });
    expect(result.said.match(/SUCCESS/g)).toHaveLength(TESTS.length);
  });

  it.for([
    ['pool-alerts', '> 0.9', '> 0.95 * 100'],
    ['pool-alerts', 'for: 2m', 'for: 0m'],
    ['service-alerts', 'absent(up{job="tidegauge"})', 'absent(up{job="another"})'],
    ['slo-recording', 'http_response_status_code=~"5.."', 'http_response_status_code=~"50[01]"'],
    ['slo-recording', '(slo:events:rate5m{job="tidegauge"} > 0)', 'slo:events:rate5m'],
  ] as const)('sees them fail when %s has no %s', async ([file, there, instead]) => {
    const folder = mkdtempSync(join(tmpdir(), 'rules-'));
    cpSync('prometheus', folder, { recursive: true });
    const rules = readFileSync(`prometheus/rules/${file}.yml`, 'utf8');
    writeFileSync(join(folder, 'rules', `${file}.yml`), rules.replace(there, instead));

    const { isContent, said } = await promtool(
      'test',
      'rules',
      ...globSync(join(folder, 'tests', '*.yml')),
    );
    rmSync(folder, { recursive: true });

    expect(rules).toContain(there);
    expect(isContent).toBe(false);
    expect(said).toContain('FAILED');
  });
});
