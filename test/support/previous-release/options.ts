import { parseArgs } from 'node:util';

/** What to run against what. */
export interface PreviousReleaseOptions {
  /** What git knows the previous release by; undefined = the newest tag. */
  readonly ref: string | undefined;
  /** Folder of the new migrations. */
  readonly migrationsDir: string;
  /** Beginnings of the names of test files; none = those of what the previous release keeps in tables. */
  readonly tests: readonly string[];
}

export const USAGE = `usage: npm run test:previous-release [-- <ref>] [--migrations <folder>] [--test <file>]…

Runs the integration tests of the previous release's entities, with its own code, on the schema that this
release migrates to. Without <ref> the previous release is the newest tag.
`;

/** Reads the command line; undefined when it cannot be meant. */
export function readOptions(args: readonly string[]): PreviousReleaseOptions | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        migrations: { type: 'string', default: 'migrations' },
        test: { type: 'string', multiple: true, default: [] },
      },
    });
    const [ref, ...more] = positionals;
    return more.length > 0 || ref?.startsWith('-') === true
      ? undefined
      : { ref, migrationsDir: values.migrations, tests: values.test };
  } catch {
    return undefined;
  }
}
