/**
 * Functions of PostgreSQL itself that leave nothing behind in the server session: all are declared stable or immutable,
 * but for those of the last two lines, which only wait, read a clock, make a random value or lock until the transaction
 * ends. Not among them on purpose: `nextval` (the session's `currval`), `setseed`, `set_config`, session locks.
 */
export const HARMLESS_FUNCTIONS: ReadonlySet<string> = new Set(
  `abs age any_value array_agg array_append array_cat array_dims array_length array_ndims array_position array_positions
  array_prepend array_remove array_replace array_to_json array_to_string array_upper array_lower ascii avg
  bit_and bit_or bit_length bool_and bool_or btrim cardinality cbrt ceil ceiling char_length character_length chr
  coalesce concat concat_ws convert_from convert_to corr count covar_pop covar_samp cube cume_dist current_database
  current_schema current_schemas current_setting date date_bin date_part date_trunc decode degrees dense_rank div
  encode every exp extract first_value floor format format_type gcd generate_series generate_subscripts get_bit
  get_byte greatest grouping initcap int4 int8 isempty isfinite json_agg json_array json_array_elements
  json_array_elements_text json_array_length json_arrayagg json_build_array json_build_object json_each json_each_text
  json_exists json_extract_path json_extract_path_text json_object json_object_agg json_object_keys json_objectagg
  json_populate_record json_populate_recordset json_query json_scalar json_serialize json_strip_nulls json_to_record
  json_to_recordset json_typeof json_value jsonb_agg jsonb_array_elements jsonb_array_elements_text
  jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path
  jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists
  jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_populate_record
  jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof
  justify_days justify_hours justify_interval lag last_value lcm lead least left length ln log log10 lower lower_inc
  lpad ltrim make_date make_interval make_time make_timestamp make_timestamptz max md5 min mod mode
  multirange normalize now nth_value ntile nullif num_nonnulls num_nulls numrange octet_length overlay percent_rank
  percentile_cont percentile_disc pg_backend_pid pg_blocking_pids pg_column_size pg_current_xact_id_if_assigned
  pg_database_size pg_encoding_to_char pg_get_expr pg_get_indexdef pg_get_constraintdef pg_is_in_recovery
  pg_last_wal_replay_lsn pg_postmaster_start_time pg_relation_size pg_size_pretty pg_table_size
  pg_total_relation_size pg_typeof pi phraseto_tsquery plainto_tsquery position power quote_ident quote_literal
  quote_nullable radians range_agg range_merge rank regexp_count regexp_instr regexp_like regexp_match regexp_matches
  regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr regr_slope repeat replace reverse right
  rollup round row_number row_to_json rpad rtrim scale sha224 sha256 sha384 sha512 sign split_part sqrt starts_with
  statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array string_to_table strpos substr substring
  sum text timezone to_char to_date to_hex to_json to_jsonb to_number to_regclass to_regtype to_timestamp to_tsquery
  to_tsvector transaction_timestamp translate trim trim_array trim_scale trunc ts_headline ts_rank ts_rank_cd
  tsrange tstzrange daterange int4range int8range unnest upper upper_inc uuid_extract_timestamp uuid_extract_version
  var_pop var_samp variance version websearch_to_tsquery width_bucket
  clock_timestamp gen_random_uuid uuidv4 uuidv7 pg_current_xact_id pg_xact_status pg_sleep random timeofday
  pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared`.split(
    /\s+/,
  ),
);
