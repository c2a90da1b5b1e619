import { Checkout, newestTag } from './previous-release/checkout.ts';
import { readOptions, USAGE } from './previous-release/options.ts';

// A rollout has the previous release run on the new schema: what breaks it fails here, before.
// An interrupted run ends with its tests, and leaves no checkout behind.
process.on('SIGINT', () => undefined);
process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const ref = options && (options.ref ?? newestTag());
  if (options === undefined || ref === undefined) {
    process.stderr.write(
      options === undefined ? USAGE : `there is no tag yet: name the previous release\n\n${USAGE}`,
    );
    return 64;
  }
  using release = new Checkout('.', ref);
  const changed = await release.changedMigrations(options.migrationsDir);
  if (changed.length > 0) {
    process.stderr.write(`edited or removed since ${ref}: ${changed.join(', ')}\n`);
    return 1;
  }
  release.useMigrations(options.migrationsDir);
  const tests =
    options.tests.length > 0
      ? options.tests
      : release.nouns.map((noun) => `test/integration/${noun}`);
  process.stdout.write(`${ref} on the schema of this release: ${tests.join(' ')}\n`);
  return release.run('vitest', ['run', '--project', 'integration', ...tests]);
}
