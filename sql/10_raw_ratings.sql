-- raw_ratings: the ratings file, typed, times in seconds, otherwise untouched.
-- Grain: one row per line of the file; a pair may occur more than once.
-- Reads: filled by queries/load_ratings.sql.

create or replace table raw_ratings (
    user_id bigint,
    movie_id bigint,
    rating double,
    timestamp bigint
);

comment on table raw_ratings is
'The ratings file, typed, untouched. One row per line of the file.';
comment on column raw_ratings.user_id is
'User as the file names it.';
comment on column raw_ratings.movie_id is
'Movie as the file names it.';
comment on column raw_ratings.rating is
'Rating on the scale of the file (stars).';
comment on column raw_ratings.timestamp is
'When it was rated, seconds since 1970-01-01 UTC; null if the file does not say. What '
'the file has in milli-, micro- or nanoseconds was divided.';
