const COLUMNS = 'id, email, name, created_at as "createdAt", updated_at as "updatedAt"';

/** One user by id. */
export const READ_USER = `select ${COLUMNS} from users where id = $1`;

/** Users after the id $1, all when it is null; at most $2. */
export const LIST_USERS = `select ${COLUMNS} from users
  where $1::uuid is null or id > $1 order by id limit $2`;

/** A new user: id, address, name, when. */
export const INSERT_USER = `insert into users (id, email, name, created_at, updated_at)
  values ($1, $2, $3, $4, $4) returning ${COLUMNS}`;
