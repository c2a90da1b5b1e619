/** Load it by `node --import`: from then on whoever imports kysely gets 0.29.6. For negative controls alone. */
import { registerHooks } from 'node:module';

const OLD_KYSELY = new URL('./kysely-0.29.6.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    specifier === 'kysely'
      ? { url: OLD_KYSELY, format: 'module-typescript', shortCircuit: true }
      : nextResolve(specifier.replace(/^kysely\//, 'kysely-0.29.6/'), context),
});
