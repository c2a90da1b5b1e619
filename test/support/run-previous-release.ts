import { Checkout, newestTag } from './previous-release/checkout.ts';
import { readOptions, USAGE } from './previous-release/options.ts';

// A rollout has the previous release run on the new schema: what breaks it fails here, before.
process.exitCode = main();

function main(): number {
  const options = readOptions(process.argv.slice(2));
  const ref = options && (options.ref ?? newestTag());
  if (options === undefined || ref === undefined) {
    process.stderr.write(
      options === undefined ? USAGE : `there is no tag yet: name the previous release\n\n${USAGE}`,
    );
    return 64;
  }
  using release = new Checkout(ref);
  release.useMigrations(options.migrationsDir);
  const { features } = release;
  const tests =
    options.tests.length > 0 ? options.tests : features.map((name) => `test/integration/${name}`);
  process.stdout.write(`tests of ${ref} (${features.join(', ')}) on the schema of this release\n`);
  return release.run('vitest', ['run', '--project', 'integration', ...tests]);
}
