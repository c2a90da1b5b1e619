import { loadProvisioning } from '#config/load-settings.ts';
import { embeddedProvisioning } from '#database/embedded/provision-embedded.ts';
import { runningEmbedded } from '#database/embedded/running-embedded.ts';
import { privilegeReport } from '#database/provision/privilege-report.ts';
import { provision } from '#database/provision/provision.ts';
import type { ProvisionOptions, ProvisionOutcome } from '#database/provision/provision.ts';
import { surveyRoles } from '#database/provision/survey-roles.ts';
import { entities } from '#entities.ts';
import { runCommandLine } from './run-command-line.ts';

const USAGE = `usage: npm run db:provision [-- --dry-run | --report | --help]

Makes the roles of the service and gives them their rights, as the administrator of
PROVISION_DATABASE_URL: the owner of the tables from MIGRATION_DATABASE_URL, the service from
DATABASE_URL and, where it is set, the reader from REPORTING_DATABASE_URL. Prints what it changes; a
second run changes nothing. Without DATABASE_URL: for the embedded server that runs now.

--dry-run  prints what it would change, and changes nothing
--report   prints who has which rights, and changes nothing

Exit codes: 0 as it should be, 1 failed and nothing changed (DB_COMMIT_UNKNOWN: or all; run it again),
64 wrong usage, 78 settings not valid.
`;

await runCommandLine({ usage: USAGE, flags: ['dry-run', 'report'], run });

async function run(flag: 'dry-run' | 'report' | undefined): Promise<number> {
  const options = await readOptions();
  const { host, port, database, user } = options.connection;
  print(`database ${database} at ${host}:${port}, as ${user}`);
  if (flag === 'report') {
    const state = await surveyRoles(options);
    for (const line of privilegeReport(state, options.request)) print(line);
    return 0;
  }
  const isDryRun = flag === 'dry-run';
  tell(await provision({ ...options, isDryRun }), isDryRun);
  if (options.request.roles.reader === undefined) {
    print('no reader: REPORTING_DATABASE_URL is unset');
  }
  return 0;
}

async function readOptions(): Promise<ProvisionOptions> {
  const { settings, provisioning } = loadProvisioning();
  const wanted = {
    settings: settings.database,
    tables: entities.map(({ meta }) => meta.tableName),
  };
  if (provisioning === undefined) return embeddedProvisioning(await runningEmbedded(), wanted);
  const { administrator, owner, app, reader } = provisioning;
  return { connection: administrator, request: { ...wanted, roles: { owner, app, reader } } };
}

function tell({ changes, skipped, notes }: ProvisionOutcome, isDryRun: boolean): void {
  for (const change of changes) print(`${isDryRun ? 'would change' : 'changed'}  ${change}`);
  for (const { change, reason } of skipped) print(`skipped  ${change} (${reason})`);
  for (const note of notes) print(`note  ${note}`);
  print(`${changes.length} changes${isDryRun ? ' to make' : ''}, ${skipped.length} skipped`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
