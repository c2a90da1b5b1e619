import { allTestsBut } from './all-tests-but.ts';
import { isPgBouncerThere } from './pgbouncer.ts';

/** Set by `npm run test:pgbouncer`. */
export const isPgBouncerFull = process.env['PGBOUNCER_FULL'] === '1';

/** Whether integration tests can be run through a PgBouncer. */
export const hasPgBouncer = isPgBouncerThere;

/** What every run sends through it, in seconds: users, sessions, transactions, cancels. */
const SHORT = ['users-concurrency', 'users-unit-of-work', 'http-clients-gone', 'http-transactions'];

/** What goes past it: programs that npm brings, migrations, pools and connections that a test opens by itself. */
const PAST_IT = [
  '{docker,embedded,migrations,mikro-orm-cli,npm,pgbouncer,readme}*',
  '{cancel-request,server-figures,server-snapshot*,session-activity,traces,traces-collector*,traces-switched}.test.ts',
  'database-{cancel,failover,overflow,pool,pre-ping}.test.ts',
  'pool-{black-hole,crashes,forgotten,late-connects,orphans,stopped-backend,watchdog}.test.ts',
];

/** Files of the projects that go through a PgBouncer. */
export const pgBouncerTests = isPgBouncerFull
  ? {
      include: ['test/integration/**/*.test.ts'],
      exclude: PAST_IT.map((files) => `test/integration/${files}`),
    }
  : { include: SHORT.map((name) => `test/integration/${name}.test.ts`) };

/** Tests that make no sense there, by a part of their names, and why. */
const SENSELESS: Readonly<Record<string, readonly string[]>> = {
  'a read-only session is a transaction: it holds its connection, and sends BEGIN and COMMIT': [
    'is not hurried when it is read-only, and holds no connection while it thinks',
    'tells whose it was, its text, operation, table and time',
    'tells the code and the SQLSTATE of a failure',
    'is told once of a cursor, with the time of all its reads',
    'counts statements and waits that fail',
    'is counted whether or not anybody listens',
    'has an exemplar of sampled work only',
    'tells what the database took of it, in the same numbers as Server-Timing',
    'is told with the statement that it left behind',
    'says that a session sent nothing',
    'is counted, and found in the log by its trace',
    'takes at most 3 queries for',
    'can be found from the statement that the server has streamed last',
    'see one moment',
    'is one statement of the pool of reports, and none of the main one',
  ],
  'no statement is prepared': [
    'prepared statements are those that the server has prepared',
    'is prepared from its second use on',
    'is prepared once for the ORM, too',
    'is not prepared beyond the bound of a connection',
    'F61: whose plan no longer fits the schema fails with a typed error',
    'F61: is prepared anew on the same connection after deallocate all',
    'F61: works after',
    'F61: works on in the transaction after',
    'F61: that a function has dropped fails with a typed error',
    'F35: 26000 is DB_UNAVAILABLE',
  ],
  'connections to the server are PgBouncer’s: they have other settings, and outlive ours': [
    'F20: are those of the server session',
    'F14: is not reset, whatever it does',
    'a manager that is closed while it begins leaves no connection behind',
    'replaces every connection: idle ones at once',
    'is shown by whom it is held, with what its server says of that, and is evicted with the main one',
    'to end the session of another',
    'to cancel the statement of another',
    'obeys: evicted connections are replaced',
    'is every one that the ORM writes for the entities of this project',
  ],
  'the address that spans name is that of PgBouncer': [
    'has one span for a statement that is streamed',
  ],
};

/** A pattern of the names of all other tests. */
export const sensibleTests = allTestsBut(SENSELESS);
