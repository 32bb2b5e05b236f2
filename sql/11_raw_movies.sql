-- raw_movies: the movies file, typed and otherwise untouched.
-- Grain: one row per line of the file; empty when there is no movies file.
-- Reads: filled by queries/load_movies.sql.

create or replace table raw_movies (
    movie_id bigint,
    title varchar,
    genres varchar
);

comment on table raw_movies is
'The movies file, typed, untouched; empty when there is none. One row per line.';
comment on column raw_movies.movie_id is
'Movie as the file names it.';
comment on column raw_movies.title is
'Title, with the year in parentheses at its end where the file has it.';
comment on column raw_movies.genres is
'Genres separated by ''|''.';
