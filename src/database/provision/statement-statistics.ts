/**
 * The statements that create the extension pg_stat_statements in the schema `tidegauge`, for `GET /pool/queries`; they
 * may be run again at any time. Where the server does not have it, or the role may not create it, they do nothing. One
 * that is there already stays where it is. It counts only on a server that loads it (`shared_preload_libraries`).
 */
export const STATEMENT_STATISTICS: readonly string[] = [
  'create schema if not exists tidegauge',
  `do $do$
begin
  if exists (select from pg_catalog.pg_available_extensions where name = 'pg_stat_statements') then
    create extension if not exists pg_stat_statements schema tidegauge;
  end if;
exception
  when insufficient_privilege then null;
end
$do$`,
];
