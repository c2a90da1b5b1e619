// By what they are for. Not among them on purpose: nextval (it sets the session's currval), setseed, set_config.
const KINDS = {
  aggregates: `any_value array_agg avg bit_and bit_or bool_and bool_or count every grouping json_agg json_arrayagg
    json_object_agg json_objectagg jsonb_agg jsonb_object_agg max min mode percentile_cont percentile_disc range_agg
    stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance`,
  windows: `cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number`,
  values: 'coalesce greatest int4 int8 least nullif pg_typeof text to_regclass to_regtype',
  texts: `ascii bit_length btrim char_length character_length chr concat concat_ws decode encode format initcap left
    length lower lpad ltrim md5 normalize octet_length overlay position quote_ident quote_literal quote_nullable
    regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
    regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim sha224 sha256 sha384 sha512 split_part
    starts_with string_to_array string_to_table strpos substr substring to_char to_hex translate trim upper`,
  numbers: `abs ceil ceiling exp floor generate_series ln log log10 mod power round scale sign sqrt to_number trunc`,
  times: `age date date_bin date_part date_trunc extract isfinite justify_days justify_hours justify_interval make_date
    make_interval make_time make_timestamp make_timestamptz now statement_timestamp timezone to_date to_timestamp
    transaction_timestamp`,
  json: `json_array json_array_elements json_array_elements_text json_array_length json_build_array json_build_object
    json_each json_each_text json_exists json_extract_path json_extract_path_text json_object json_object_keys
    json_populate_record json_populate_recordset json_query json_scalar json_serialize json_strip_nulls json_to_record
    json_to_recordset json_typeof json_value jsonb_array_elements jsonb_array_elements_text jsonb_array_length
    jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text
    jsonb_insert jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query
    jsonb_path_query_array jsonb_path_query_first jsonb_populate_record jsonb_populate_recordset jsonb_pretty jsonb_set
    jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb`,
  arrays: `array_append array_cat array_length array_lower array_position array_positions array_prepend array_remove
    array_replace array_to_json array_to_string array_upper cardinality trim_array unnest`,
  ranges: `daterange int4range int8range isempty lower_inc numrange range_merge tsrange tstzrange upper_inc`,
  search: `phraseto_tsquery plainto_tsquery to_tsquery to_tsvector ts_headline ts_rank ts_rank_cd websearch_to_tsquery`,
  server: `current_database current_schema current_schemas current_setting pg_backend_pid pg_current_xact_id_if_assigned
    pg_size_pretty uuid_extract_timestamp uuid_extract_version version`,
  // Declared volatile, as everything with effects is: these wait, read a clock or the server's state, make a random
  // value, or do what ends with the transaction.
  volatile: `clock_timestamp gen_random_uuid pg_advisory_xact_lock pg_advisory_xact_lock_shared
    pg_current_wal_insert_lsn pg_current_xact_id pg_is_in_recovery pg_last_wal_replay_lsn pg_notify pg_sleep
    pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_xact_status random timeofday uuidv4 uuidv7`,
};

/** Functions of PostgreSQL itself that leave nothing behind in the server session, whatever they are given. */
export const HARMLESS_FUNCTIONS: ReadonlySet<string> = new Set(
  Object.values(KINDS).flatMap((names) => names.split(/\s+/)),
);
