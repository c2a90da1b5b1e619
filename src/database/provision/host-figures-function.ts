import { literal } from './provision-step.ts';

/** Where the kernel shows processes and control groups. */
export interface KernelFolders {
  readonly proc: string;
  readonly cgroup: string;
}

const LINUX: KernelFolders = { proc: '/proc', cgroup: '/sys/fs/cgroup' };

// USER_HZ, the unit of times in /proc/<pid>/stat (man 5 proc): 100 on every architecture of Linux that PostgreSQL is
// packaged for, whatever the kernel's own HZ.
const TICKS_PER_SECOND = 100;
/** A scan in the course of which a process ended is repeated. */
const SCANS = 3;
/** Reading Pss walks page tables: what takes longer than this is left, so that CPU is told in any case. */
const MEMORY_DEADLINE_MS = 250;

/**
 * The statements that create `tidegauge.host_figures()`. Run them as a superuser, or as a role with
 * `pg_read_server_files`, `pg_monitor` and EXECUTE on `pg_read_file(text, bigint, bigint, boolean)`; run again, they keep
 * what was granted. The function runs with its owner's rights, takes nothing, and gives one row of figures:
 *
 * - `source`: `cgroup_v2` or `cgroup_v1` where the server has a container of its own, else `processes`: the postmaster and
 *   its children. Null where there are no figures; `refusal` says why: `refused` by the system, or `unsupported`.
 * - `cpu_seconds`: used since the start of the server, or of its container. Processes that end while they are looked at
 *   may be missed, and found later: it can be lower than it was a moment ago.
 * - `memory_bytes`: proportional set size (Pss) of the processes; of a container, what is charged to it without the file
 *   cache that nobody uses, as orchestrators count. Null where it cannot be read, or not soon enough.
 * - `cpu_cores`, `memory_limit_bytes`: the machine's, or the limits of the server's control group where those are lower.
 *
 * `folders` is for tests.
 */
export function hostFiguresFunction(folders: KernelFolders = LINUX): readonly string[] {
  return [
    'create schema if not exists tidegauge',
    `create or replace function tidegauge.host_figures(
  out source text, out refusal text, out cpu_seconds float8, out memory_bytes float8,
  out cpu_cores float8, out memory_limit_bytes float8)
language plpgsql volatile parallel unsafe security definer
set search_path = pg_catalog, pg_temp
as $function$${functionBody(folders)}$function$`,
    'revoke all on function tidegauge.host_figures() from public',
  ];
}

/** The content of a file, null where there is none. This form of pg_read_file is the one its owner may execute. */
const read = (path: string) => `pg_read_file(${path}, 0, 65536, true)`;
/** Fields of a process from its state on. Before it stands its name, with any blanks and parentheses, the last of which ends it. */
const stat = (pid: string) =>
  `string_to_array(substring(${read(`format('%s/%s/stat', proc, ${pid})`)} from '.*\\) (.*)'), ' ')`;
/** Parent of a process. */
const PARENT = 'fields[2]::int';
/** utime, stime, and both of the children it has waited for. */
const TICKS = '(fields[12]::float8 + fields[13]::float8 + fields[14]::float8 + fields[15]::float8)';

/**
 * Points `folder` at the server's own group of a controller of version 1, as far as it can be seen: inside of a container
 * its folder stands in the place of the root's.
 */
const findGroup = (controller: string, file: string) => `
    own := substring(groups from '(?n)^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$');
    folder := top || '/${controller}' || rtrim(own, '/');
    if ${read(`folder || '/${file}'`)} is null then
      folder := top || '/${controller}';
    end if;`;

function functionBody({ proc, cgroup }: KernelFolders): string {
  return `
declare
  proc constant text := ${literal(proc)};
  top constant text := ${literal(cgroup)};
  started constant timestamptz := clock_timestamp();
  fields text[];
  postmaster int;
  ancestor int;
  children int[];
  child int;
  is_whole boolean;
  ticks float8;
  bytes float8;
  groups text;
  own text;
  folder text;
  told text;
  is_contained boolean;
begin
  fields := ${stat(`'self'`)};
  postmaster := ${PARENT};
  fields := ${stat('postmaster')};
  ancestor := ${PARENT};
  if ancestor is null then
    refusal := 'unsupported';
    return;
  end if;

  -- The machine, and the cores of it that this process may run on.
  memory_limit_bytes := 1024 * substring(${read(`proc || '/meminfo'`)} from 'MemTotal: *(\\d+) kB')::float8;
  cpu_cores := least(
    (select count(*) from regexp_matches(${read(`proc || '/stat'`)}, '(?n)^cpu\\d+ ', 'g')),
    (select sum(coalesce(span[2], span[1])::int - span[1]::int + 1)
      from regexp_matches(
        substring(${read(`proc || '/self/status'`)} from 'Cpus_allowed_list:\\s*([\\d,-]+)'),
        '(\\d+)(?:-(\\d+))?', 'g') as span));

  -- A container is the server's own where the server is its first process, or the child of that; all there is in it counts.
  -- Any other group bounds the server and no more.
  groups := ${read(`proc || '/self/cgroup'`)};
  own := substring(groups from '(?n)^0::(.*)$');
  folder := top || rtrim(own, '/');
  if ${read(`folder || '/memory.max'`)} is null then
    folder := top;
  end if;
  -- Not there in the root of the machine.
  told := ${read(`folder || '/memory.max'`)};
  if told is not null then
    memory_limit_bytes := least(memory_limit_bytes, nullif(rtrim(told, E'\\n'), 'max')::float8);
    told := ${read(`folder || '/cpu.max'`)};
    cpu_cores := least(cpu_cores, nullif(split_part(told, ' ', 1), 'max')::float8 / split_part(told, ' ', 2)::float8);
    if postmaster = 1 or (ancestor = 1 and own = '/') then
      source := 'cgroup_v2';
      cpu_seconds := substring(${read(`folder || '/cpu.stat'`)} from 'usage_usec (\\d+)')::float8 / 1000000;
      memory_bytes := ${read(`folder || '/memory.current'`)}::float8
        - coalesce(substring(${read(`folder || '/memory.stat'`)} from '(?n)^inactive_file (\\d+)$')::float8, 0);
    end if;
  else${findGroup('memory', 'memory.limit_in_bytes')}
    told := ${read(`folder || '/memory.limit_in_bytes'`)};
    is_contained := postmaster = 1
      or (ancestor = 1 and folder = top || '/memory' and told::float8 < memory_limit_bytes);
    memory_limit_bytes := least(memory_limit_bytes, told::float8);
    if is_contained then
      bytes := ${read(`folder || '/memory.usage_in_bytes'`)}::float8
        - coalesce(substring(${read(`folder || '/memory.stat'`)} from '(?n)^total_inactive_file (\\d+)$')::float8, 0);
    end if;${findGroup('cpu', 'cpu.cfs_quota_us')}
    told := ${read(`folder || '/cpu.cfs_quota_us'`)};
    if told::float8 > 0 then
      cpu_cores := least(cpu_cores, told::float8 / ${read(`folder || '/cpu.cfs_period_us'`)}::float8);
    end if;
    if is_contained then${findGroup('cpuacct', 'cpuacct.usage')}
      source := 'cgroup_v1';
      cpu_seconds := ${read(`folder || '/cpuacct.usage'`)}::float8 / 1000000000;
      memory_bytes := bytes;
    end if;
  end if;
  if cpu_seconds is not null then
    return;
  end if;

  source := 'processes';
  for scan in 1..${SCANS} loop
    is_whole := true;
    -- The postmaster first: what a child used that ends after this may be missed, and is never counted twice.
    fields := ${stat('postmaster')};
    ticks := ${TICKS};
    -- Either list can miss a process: the kernel's while another one ends, the server's while it begins.
    select array_agg(pid) into children from (
      select pid from pg_stat_activity where pid is not null and proc = ${literal(LINUX.proc)}
      union
      select pid::int from regexp_split_to_table(
        ${read(`format('%1$s/%2$s/task/%2$s/children', proc, postmaster)`)}, ' ') as pid where pid <> ''
    ) as listed;
    foreach child in array coalesce(children, '{}') loop
      begin
        fields := ${stat('child')};
      exception
        when insufficient_privilege then raise;
        -- It ended between its file was opened and read.
        when others then fields := null;
      end;
      if ${PARENT} = postmaster then
        ticks := ticks + ${TICKS};
      else
        is_whole := false;
      end if;
    end loop;
    exit when is_whole;
  end loop;
  cpu_seconds := ticks / ${TICKS_PER_SECOND};

  bytes := 0;
  foreach child in array postmaster || children loop
    if clock_timestamp() > started + interval '${MEMORY_DEADLINE_MS} ms' then
      return;
    end if;
    begin
      told := ${read(`format('%s/%s/smaps_rollup', proc, child)`)};
    exception
      when insufficient_privilege then return;
      when others then told := null;
    end;
    told := substring(told from '(?n)^Pss: +(\\d+) kB$');
    -- A kernel before 4.14 has none.
    if told is null and child = postmaster then
      return;
    end if;
    bytes := bytes + coalesce(1024 * told::float8, 0);
  end loop;
  memory_bytes := bytes;
exception
  when others then
    source := null;
    cpu_seconds := null;
    memory_bytes := null;
    refusal := case when sqlstate = '42501' then 'refused' else 'unsupported' end;
end
`;
}
