import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { type DockerStage, parseDockerfile, valuesOf } from './parse-dockerfile.ts';

/** What an image would hold, made without Docker in a folder of its own. */
export interface ReproducedImage {
  /** Delete it when the test is done. */
  readonly root: string;
  /** The working directory of the last stage. */
  readonly app: string;
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly [string, ...string[]];
  readonly healthCommand: readonly [string, ...string[]];
}

/**
 * Runs the steps of the Dockerfile: the context that .dockerignore lets through, each stage in a folder, its COPY and
 * RUN in order. The base image is this process's Node, copied so that any user can run it.
 */
export function reproduceImage(): ReproducedImage {
  const root = mkdtempSync(join(realpathSync(tmpdir()), 'tidegauge-image-'));
  chmodSync(root, 0o755);
  cpSync(process.execPath, join(root, 'bin', 'node'));
  const context = sendContext(join(root, 'context'));
  const path = `${join(root, 'bin')}:${process.env['PATH']}`;
  const stages = parseDockerfile(readFileSync('Dockerfile', 'utf8'));
  const folders = new Map<string, string>();
  stages.forEach((stage, index) => {
    const folder = join(root, stage.name ?? `stage-${index}`);
    folders.set(stage.name ?? `${index}`, folder);
    build(stage, { folder, context, folders, path });
  });
  const last = stages.at(-1);
  return {
    root,
    app: join(folders.get(`${stages.length - 1}`) ?? root, workdirOf(last)),
    env: { PATH: path, ...environmentOf(last) },
    command: commandOf(valuesOf(last, 'CMD')[0]),
    healthCommand: commandOf(valuesOf(last, 'HEALTHCHECK')[0]?.replace(/^.*?CMD /, '')),
  };
}

/** Knows the form of our .dockerignore: everything is left out but the listed paths. */
function sendContext(folder: string): string {
  const sent = readFileSync('.dockerignore', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('!'));
  mkdirSync(folder);
  for (const line of sent) {
    const path = line.slice(1);
    cpSync(path, join(folder, path), { recursive: true });
  }
  return folder;
}

interface Build {
  readonly folder: string;
  readonly context: string;
  readonly folders: ReadonlyMap<string, string>;
  readonly path: string;
}

function build(stage: DockerStage, { folder, context, folders, path }: Build): void {
  const workdir = join(folder, workdirOf(stage));
  mkdirSync(workdir, { recursive: true });
  for (const { keyword, value } of stage.instructions) {
    if (keyword === 'COPY') {
      const [, from, paths = ''] = /^(?:--from=(\S+) )?(.*)$/.exec(value) ?? [];
      copy(from === undefined ? context : (folders.get(from) ?? ''), paths.split(' '), workdir);
    } else if (keyword === 'RUN') {
      execFileSync('sh', ['-c', value], {
        cwd: workdir,
        env: { ...process.env, PATH: path, npm_config_prefer_offline: 'true' },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    }
  }
}

function copy(from: string, paths: readonly string[], workdir: string): void {
  const target = paths.at(-1) ?? '';
  for (const path of paths.slice(0, -1)) {
    const to = target.endsWith('/') ? join(target, basename(path)) : target;
    mkdirSync(dirname(resolve(workdir, to)), { recursive: true });
    cpSync(join(from, path), resolve(workdir, to), { recursive: true, verbatimSymlinks: true });
  }
}

function workdirOf(stage: DockerStage | undefined): string {
  return valuesOf(stage, 'WORKDIR')[0] ?? '/';
}

function environmentOf(stage: DockerStage | undefined): Record<string, string> {
  return Object.fromEntries(
    valuesOf(stage, 'ENV')
      .flatMap((value) => value.split(' '))
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}

/** Exec form only: a shell between init and the service would swallow its signals. */
function commandOf(value = '[]'): readonly [string, ...string[]] {
  const [program, ...args] = JSON.parse(value) as string[];
  if (program === undefined) {
    throw new Error('the Dockerfile has no command in exec form');
  }
  return [program, ...args];
}
