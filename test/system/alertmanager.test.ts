import { describe, expect, it } from 'vitest';
import { readRuleGroups } from '#test/support/alerts/rule-groups.ts';
import { runCommand } from '#test/support/run-command.ts';
import { hasPrograms } from '#test/support/system/programs.ts';

const CONFIG = 'deploy/alertmanager/alertmanager.yml';
const RECEIVER_OF: Readonly<Record<string, string>> = {
  critical: 'page',
  warning: 'ticket',
  none: 'watchdog',
};

/** Everything that can fire, once for each of its severities. */
const kinds = [
  ...new Set(
    readRuleGroups().alerts.map(({ alert, labels }) => `${alert} ${labels['severity'] ?? ''}`),
  ),
];

/** Who is told of an alert, as amtool sees it; what it complains of otherwise. */
async function receiverOf(...labels: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand([
    'amtool',
    'config',
    'routes',
    'test',
    `--config.file=${CONFIG}`,
    ...labels,
  ]);
  return code === 0 ? stdout.trim() : stderr;
}

describe.runIf(hasPrograms('amtool'))('amtool', () => {
  it('accepts the configuration', async () => {
    const { code, stdout } = await runCommand(['amtool', 'check-config', CONFIG]);

    expect(code).toBe(0);
    expect(stdout).toMatch(/2 inhibit rules[^]*3 receivers/);
  });

  it.for(kinds)('sends %s to whom its severity asks for', async (kind) => {
    const [name, severity = ''] = kind.split(' ');

    const receiver = await receiverOf(
      `alertname=${name}`,
      `severity=${severity}`,
      'job=tidegauge',
      'instance=one:3000',
    );

    expect(receiver).toBe(RECEIVER_OF[severity]);
  });

  it('makes a ticket of an alert of somebody else that has no severity', async () => {
    expect(await receiverOf('alertname=Unknown')).toBe('ticket');
  });
});
