-- sql_files: the files of the data layer as they were when this file was built.
-- Grain: one row per numbered file of sql/.
-- Reads: filled by queries/insert_sql_files.sql at every build.
-- Why: a model's lineage names the very text of the views that it learnt from.

create or replace table sql_files (
    name varchar not null,
    sha256 varchar not null
);

comment on table sql_files is
'The SQL files that built this warehouse. One row per numbered file of sql/.';
comment on column sql_files.name is
'Name of the file.';
comment on column sql_files.sha256 is
'SHA-256 of its bytes.';
