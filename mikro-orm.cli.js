// oxlint-disable import/no-default-export
// The command line of MikroORM passes over TypeScript files unless it finds a loader for them; Node needs none.
export { default } from './mikro-orm.config.ts';
