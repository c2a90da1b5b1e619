import { Migration } from '@mikro-orm/migrations';

/** Users, teams and who belongs to which. */
export class Migration20261122221500_initial extends Migration {
  override up(): void {
    this.addSql(`
      create table "users" (
        "id" uuid not null,
        "created_at" timestamptz(3) not null,
        "updated_at" timestamptz(3) not null,
        "version" int not null default 1,
        "email" text not null,
        "name" text not null,
        primary key ("id"),
        constraint "users_email_length" check (char_length(email) >= 3 and char_length(email) <= 254),
        constraint "users_name_length" check (char_length(name) >= 1 and char_length(name) <= 100)
      )`);
    this.addSql(`create unique index "users_email_key" on "users" (lower("email" collate "C"))`);

    this.addSql(`
      create table "teams" (
        "id" uuid not null,
        "created_at" timestamptz(3) not null,
        "updated_at" timestamptz(3) not null,
        "version" int not null default 1,
        "name" text not null,
        primary key ("id"),
        constraint "teams_name_length" check (char_length(name) >= 1 and char_length(name) <= 100)
      )`);

    this.addSql(`
      create table "memberships" (
        "id" uuid not null,
        "created_at" timestamptz(3) not null,
        "updated_at" timestamptz(3) not null,
        "version" int not null default 1,
        "team_id" uuid not null,
        "user_id" uuid not null,
        "role" text not null,
        primary key ("id"),
        constraint "memberships_team_id_user_id_key" unique ("team_id", "user_id"),
        constraint "memberships_role_known" check (role in ('owner', 'member')),
        constraint "memberships_team_id_fkey" foreign key ("team_id") references "teams" ("id")
          on update no action on delete cascade,
        constraint "memberships_user_id_fkey" foreign key ("user_id") references "users" ("id")
          on update no action on delete no action
      )`);
    this.addSql(`create index "memberships_user_id_idx" on "memberships" ("user_id")`);
  }

  override down(): void {
    this.addSql(`drop table "memberships"`);
    this.addSql(`drop table "teams"`);
    this.addSql(`drop table "users"`);
  }
}
