-- sources: where the data in this file came from.
-- Grain: one row per file read (name is 'ratings' or 'movies').
-- Reads: filled by queries/insert_source.sql when a source is loaded.
-- Why: a prediction can be traced to the exact bytes it was learnt from.

create or replace table sources (
    name varchar not null,
    uri varchar not null,
    sha256 varchar not null,
    rows bigint not null,
    is_synthetic boolean not null,
    loaded_at timestamp not null
);

comment on table sources is
'Where the data came from. One row per file read.';
comment on column sources.name is
'Which file: ''ratings'' or ''movies''.';
comment on column sources.uri is
'Path or URL that was read; ''sample:N'' for N generated ratings.';
comment on column sources.sha256 is
'SHA-256 of the bytes of the file; of the generated rows for the sample.';
comment on column sources.rows is
'Data rows in the file.';
comment on column sources.is_synthetic is
'True when the rows were generated, not collected from people.';
comment on column sources.loaded_at is
'When the file was read, UTC.';
