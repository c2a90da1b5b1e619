/** What every contestant is given by its environment. Throws for one that is missing. */
export const variables = Object.freeze({
  port: Number(variable('PORT')),
  databaseUrl: variable('DATABASE_URL'),
  poolSize: Number(variable('DB_POOL_SIZE')),
});

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}
