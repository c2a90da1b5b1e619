import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { hostFiguresFunction } from '#database/provision/host-figures-function.ts';
import { withClient } from '#test/support/databases.ts';
import { KernelFiles } from '#test/support/kernel-folders.ts';
import type { FakeProcess } from '#test/support/kernel-folders.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';

const GIB = 2 ** 30;
const NO_GROUPS = '0::/\n';

let server: EmbeddedServer;

beforeAll(async () => {
  server = await startOwnServer();
});
afterAll(async () => {
  await server.stop();
});

/** Creates the function as its caller, and executes it. */
async function figuresIn(
  folders?: KernelFiles,
  address: TestServerAddress = server.connection,
): Promise<Record<string, unknown>> {
  return await withClient(address, async (client) => {
    for (const statement of hostFiguresFunction(folders?.folders)) await client.query(statement);
    const { rows } = await client.query<Record<string, unknown>>(
      'select * from tidegauge.host_figures()',
    );
    return rows[0] ?? {};
  });
}

/** A server of three processes that are nobody's first. */
const SERVER: readonly FakeProcess[] = [
  { pid: 500, parent: 300, ticks: [100, 50, 1000, 500], pss: 4000, children: [501, 502] },
  { pid: 501, parent: 500, ticks: [200, 100, 20, 10], pss: 3000 },
  { pid: 502, parent: 500, ticks: [10, 5, 0, 0], pss: 1000 },
];
/** The same in a container: the server is its first process. */
const CONTAINED: readonly FakeProcess[] = [{ pid: 1, parent: 0, children: [], pss: 1 }];
/** The same, started by an init. */
const LOOKED_AFTER: readonly FakeProcess[] = [
  { pid: 1, parent: 0, name: 'tini', children: [7] },
  { pid: 7, parent: 1, children: [], pss: 1 },
];

const V2 = {
  'cgroup/memory.max': `${2 * GIB}\n`,
  'cgroup/memory.current': `${GIB}\n`,
  'cgroup/memory.stat': `anon 5\ninactive_anon 6\ninactive_file ${GIB / 4}\nactive_file 7\n`,
  'cgroup/cpu.max': '150000 100000\n',
  'cgroup/cpu.stat': 'usage_usec 12500000\nuser_usec 1\nsystem_usec 2\n',
};
const V1 = {
  'cgroup/memory/memory.limit_in_bytes': `${2 * GIB}\n`,
  'cgroup/memory/memory.usage_in_bytes': `${GIB}\n`,
  'cgroup/memory/memory.stat': `inactive_file 3\ntotal_inactive_file ${GIB / 4}\n`,
  'cgroup/cpu/cpu.cfs_quota_us': '150000\n',
  'cgroup/cpu/cpu.cfs_period_us': '100000\n',
  'cgroup/cpuacct/cpuacct.usage': '12500000000\n',
};
const V1_GROUPS = '5:memory:/docker/abc\n4:cpuacct:/docker/abc\n3:cpu:/docker/abc\n0::/\n';
const OF_CONTAINER = {
  refusal: null,
  cpu_seconds: 12.5,
  memory_bytes: 0.75 * GIB,
  cpu_cores: 1.5,
  memory_limit_bytes: 2 * GIB,
};
const OF_PROCESSES = {
  source: 'processes',
  refusal: null,
  cpu_seconds: 19.95,
  memory_bytes: 8000 * 1024,
  cpu_cores: 8,
  memory_limit_bytes: 16 * GIB,
};

describe('tidegauge.host_figures()', () => {
  it('is of the processes of the server it runs on', async () => {
    const told = await figuresIn();

    expect(told).toMatchObject({ source: 'processes', refusal: null });
    expect(Number(told['memory_bytes'])).toBeGreaterThan(1_000_000);
    // A server that has just been started may have used less than a tick.
    expect(told['cpu_seconds']).toBeGreaterThanOrEqual(0);
    expect(Number(told['cpu_cores'])).toBeGreaterThan(0);
    expect(Number(told['memory_limit_bytes'])).toBeGreaterThan(Number(told['memory_bytes']));
  });

  it('sums the postmaster, its children, and those it has waited for', async () => {
    await using files = await KernelFiles.of(500, SERVER, NO_GROUPS);

    expect(await figuresIn(files)).toEqual(OF_PROCESSES);
  });

  it('reads processes whose names have blanks and parentheses', async () => {
    const named = SERVER.map((one) => ({ ...one, name: 'a) R 9 (b) S 1' }));
    await using files = await KernelFiles.of(500, named, NO_GROUPS);

    expect(await figuresIn(files)).toEqual(OF_PROCESSES);
  });

  it('leaves out a process that has ended since it was listed, and one whose number is somebody else’s', async () => {
    const [postmaster, ...children] = SERVER;
    const listed = [
      { ...postmaster, pid: 500, parent: 300, children: [501, 502, 503, 504] },
      ...children,
      { pid: 504, parent: 1, ticks: [9000, 0, 0, 0] as const, pss: 0 },
    ];
    await using files = await KernelFiles.of(500, listed, NO_GROUPS);

    expect(await figuresIn(files)).toEqual(OF_PROCESSES);
  });

  it.each([
    ['a container', 'cgroup_v2', 1, CONTAINED, NO_GROUPS, V2],
    ['a container with an init', 'cgroup_v2', 7, LOOKED_AFTER, NO_GROUPS, V2],
    ['a container of version 1', 'cgroup_v1', 1, CONTAINED, V1_GROUPS, V1],
    ['a container of version 1 with an init', 'cgroup_v1', 7, LOOKED_AFTER, V1_GROUPS, V1],
  ])(
    'is of %s of its own, without the file cache that nobody uses',
    async (_what, source, postmaster, processes, groups, files) => {
      await using kernel = await KernelFiles.of(postmaster, processes, groups, files);

      expect(await figuresIn(kernel)).toEqual({ source, ...OF_CONTAINER });
    },
  );

  it.each([
    ['shared with others', NO_GROUPS, V2, 1.5, 2 * GIB],
    ['of version 1, shared with others', V1_GROUPS, V1, 1.5, 2 * GIB],
    [
      'of a unit of the system',
      '0::/system.slice/postgresql.service\n',
      {
        'cgroup/system.slice/postgresql.service/memory.max': `${4 * GIB}\n`,
        'cgroup/system.slice/postgresql.service/cpu.max': 'max 100000\n',
      },
      8,
      4 * GIB,
    ],
    [
      'without limits',
      NO_GROUPS,
      { ...V2, 'cgroup/memory.max': 'max\n', 'cgroup/cpu.max': 'max 100000\n' },
      8,
      16 * GIB,
    ],
    [
      'of version 1, without limits',
      V1_GROUPS,
      {
        ...V1,
        'cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
        'cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      },
      8,
      16 * GIB,
    ],
  ])('takes no more than limits from a group %s', async (_what, groups, files, cores, limit) => {
    await using kernel = await KernelFiles.of(500, SERVER, groups, files);

    expect(await figuresIn(kernel)).toEqual({
      ...OF_PROCESSES,
      cpu_cores: cores,
      memory_limit_bytes: limit,
    });
  });

  it('takes the root of a machine with version 1 for no container, though init has started the server', async () => {
    const files = {
      ...V1,
      'cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      'cgroup/cpu/cpu.cfs_quota_us': '-1\n',
    };
    const [postmaster, ...children] = SERVER;
    const started = [{ ...postmaster, pid: 500, parent: 1 }, ...children];
    await using kernel = await KernelFiles.of(
      500,
      started,
      '5:memory:/\n4:cpuacct:/\n3:cpu:/\n',
      files,
    );

    expect(await figuresIn(kernel)).toEqual(OF_PROCESSES);
  });

  it.each([
    ['0-3,8,10-11', 7],
    ['5', 1],
    ['0-31', 8],
  ])('counts the cores that the server may run on: %s', async (list, cores) => {
    await using kernel = await KernelFiles.of(500, SERVER, NO_GROUPS, {
      'proc/self/status': `Cpus_allowed:\tff\nCpus_allowed_list:\t${list}\nMems_allowed_list:\t0-1\n`,
    });

    expect(await figuresIn(kernel)).toMatchObject({ cpu_cores: cores });
  });

  it('has no memory where the kernel does not tell, and CPU all the same', async () => {
    const older = SERVER.map(({ pss: _pss, ...one }) => one);
    await using kernel = await KernelFiles.of(500, older, NO_GROUPS);

    expect(await figuresIn(kernel)).toEqual({ ...OF_PROCESSES, memory_bytes: null });
  });

  it.each([
    ['memory of one process', 'proc/501/smaps_rollup', { ...OF_PROCESSES, memory_bytes: null }],
    [
      'one process',
      'proc/501/stat',
      { source: null, refusal: 'refused', cpu_seconds: null, memory_bytes: null },
    ],
  ])('gives no part of a sum where the system hides %s', async (_what, path, expected) => {
    await using kernel = await KernelFiles.of(500, SERVER, NO_GROUPS);
    await kernel.hide(path);

    expect(await figuresIn(kernel)).toMatchObject(expected);
  });

  it('says that it is not supported where there is no /proc, or nothing like it', async () => {
    const unsupported = {
      source: null,
      refusal: 'unsupported',
      cpu_seconds: null,
      memory_bytes: null,
    };
    await using without = await KernelFiles.of(500, SERVER, NO_GROUPS);
    await without.remove('proc');
    await using other = await KernelFiles.of(500, SERVER, NO_GROUPS, {
      'proc/meminfo': 'MemTotal:  99999999999999999999 pages',
    });
    await other.write('proc/501/stat', 'what is this\n');
    await other.write(
      'proc/500/stat',
      '500 (postgres) S 300 one two three four five six seven eight nine ten\n',
    );

    expect(await figuresIn(without)).toMatchObject(unsupported);
    expect(await figuresIn(other)).toMatchObject(unsupported);
  });
});

describe('who may execute tidegauge.host_figures()', () => {
  const as = (role: string) => ({ ...server.connection, user: role, password: role });
  const run = async (address: TestServerAddress, ...statements: readonly string[]) => {
    await withClient(address, async (client) => {
      for (const statement of statements) await client.query(statement);
    });
  };

  it('is whoever was granted it, whatever the search path; grants outlive its creation', async () => {
    await run(server.connection, ...hostFiguresFunction());
    await run(
      server.connection,
      `create role granted login password 'granted'`,
      `create role stranger login password 'stranger'`,
      'grant usage on schema tidegauge to granted, stranger',
      'grant execute on function tidegauge.host_figures() to granted',
      'create schema evil authorization stranger',
      'grant usage on schema evil to granted',
    );
    await run(
      as('stranger'),
      `create function evil.pg_read_file(text, bigint, bigint, boolean) returns text language sql
        as $$select pg_catalog.current_setting('is_superuser')$$`,
      'grant execute on all functions in schema evil to granted',
    );
    await run(server.connection, ...hostFiguresFunction());

    const told = await withClient(as('granted'), async (client) => {
      await client.query('set search_path = evil, pg_catalog');
      return (await client.query<Record<string, unknown>>('select * from tidegauge.host_figures()'))
        .rows;
    });

    expect(told).toMatchObject([
      { source: 'processes', refusal: null, memory_bytes: expect.any(Number) },
    ]);
    await expect(run(as('stranger'), 'select tidegauge.host_figures()')).rejects.toMatchObject({
      code: '42501',
    });
    await expect(
      run(as('granted'), `select pg_read_file('/proc/self/stat', 0, 10, true)`),
    ).rejects.toMatchObject({ code: '42501' });
  });

  it('may be owned by a role that is no superuser, with three rights', async () => {
    const create = () => figuresIn(undefined, as('watcher'));
    await run(
      server.connection,
      'drop schema if exists tidegauge cascade',
      `create role watcher login password 'watcher'`,
      `grant create on database ${server.connection.database} to watcher`,
      'grant pg_monitor to watcher',
      'grant pg_read_server_files to watcher',
    );

    const without = await create();
    await run(
      server.connection,
      'grant execute on function pg_read_file(text, bigint, bigint, boolean) to watcher',
    );
    const withAll = await create();
    await run(server.connection, 'revoke pg_read_server_files from watcher');
    const revoked = await create();

    expect(without).toMatchObject({ source: null, refusal: 'refused', cpu_seconds: null });
    expect(withAll).toMatchObject({
      source: 'processes',
      refusal: null,
      cpu_seconds: expect.any(Number),
      memory_bytes: expect.any(Number),
    });
    expect(revoked).toMatchObject({ source: null, refusal: 'refused', cpu_seconds: null });
  });
});
