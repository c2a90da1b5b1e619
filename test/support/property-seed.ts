import fc from 'fast-check';

const FIXED_SEED = 20_261_122;

const { FC_SEED: seed } = process.env;

// The same cases in every run, so that a change is judged by what it changed; `FC_SEED=random` looks for new ones.
if (seed !== 'random') {
  fc.configureGlobal({ seed: seed === undefined ? FIXED_SEED : Number(seed) });
}
