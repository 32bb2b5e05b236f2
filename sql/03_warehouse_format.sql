-- warehouse_format: says that this file is a warehouse, and of which schema.
-- Grain: exactly one row.
-- Reads: the schema version of the program that builds it.
-- Why: a program refuses a file whose relations it does not know, at opening and not
--      after its work; and never takes a stranger's DuckDB file for its own.

create or replace table warehouse_format as
select
    'recsys-warehouse' as marker,
    $schema_version::integer as schema_version;

comment on table warehouse_format is
'What kind of file this is. One row.';
comment on column warehouse_format.marker is
'''recsys-warehouse'' in every warehouse.';
comment on column warehouse_format.schema_version is
'Version of the relations in this file; 1, of recsys 0.1.0, had no such table.';
