-- superseded_ratings: lines of the ratings file that a later rating replaces.
-- Grain: one row per replaced line of raw_ratings.
-- Reads: raw_ratings, once, at load.
-- Why: the latest rating of a (user, movie) pair wins. Duplicates are rare, so finding
--      them once and leaving them out is far cheaper than grouping at every read.

create or replace table superseded_ratings as
with duplicated_pairs as (
    select
        user_id,
        movie_id,
    from raw_ratings
    group by user_id, movie_id
    having count(*) > 1
),

ranked as (
    select
        raw.rowid as raw_row,
        raw.user_id,
        raw.movie_id,
        raw.rating,
        raw.timestamp,
        row_number() over (
            partition by raw.user_id, raw.movie_id
            order by raw.timestamp desc nulls last, raw.rating desc, raw.rowid
        ) as recency,
    from raw_ratings as raw
    inner join duplicated_pairs as pair
        on raw.user_id = pair.user_id and raw.movie_id = pair.movie_id
)

select
    raw_row,
    user_id,
    movie_id,
    rating,
    timestamp,
from ranked
where recency > 1;

comment on table superseded_ratings is
'Lines of raw_ratings that a later rating of the same pair replaces. One row a line.';
comment on column superseded_ratings.raw_row is
'rowid of the line in raw_ratings.';
comment on column superseded_ratings.user_id is
'User as the file names it.';
comment on column superseded_ratings.movie_id is
'Movie as the file names it.';
comment on column superseded_ratings.rating is
'The rating that no longer counts (stars).';
comment on column superseded_ratings.timestamp is
'When it was rated, seconds since 1970-01-01 UTC.';
