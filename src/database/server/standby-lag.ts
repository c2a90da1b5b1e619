/**
 * SQL: for how many seconds a standby has lacked something, as far as it knows; null where it knows nothing, negative
 * where its clock is behind that of its primary. One that is cut off has replayed all it received, and is not up to
 * date: hence the walreceiver. One that follows an idle primary has replayed nothing for long, and is.
 */
export const STANDBY_LAG = `case
  when exists (select from pg_catalog.pg_stat_wal_receiver)
    and pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() then 0
  else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end`;
