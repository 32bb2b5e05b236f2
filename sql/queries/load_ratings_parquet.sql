-- Load a ratings Parquet file into raw_ratings; what is not a number becomes null.
-- Joining by name a row-less list of the usual names lets one query read them all.
insert into raw_ratings
with named as (
    select * from read_parquet($path)
    union all by name
    select
        null as user_id,
        null as userid,
        null as "user",
        null as uid,
        null as movie_id,
        null as movieid,
        null as movie,
        null as item_id,
        null as itemid,
        null as item,
        null as iid,
        null as rating,
        null as ratings,
        null as score,
        null as stars,
        null as timestamp,
        null as rated_at,
        null as time,
    where false
),

chosen as (
    select
        coalesce(user_id, userid, "user", uid) as user_value,
        coalesce(movie_id, movieid, movie, item_id, itemid, item, iid) as movie_value,
        coalesce(rating, ratings, score, stars) as rating_value,
        coalesce(timestamp, rated_at, time)::varchar as time_text,
    from named
)

select
    try_cast(user_value as bigint) as user_id,
    try_cast(movie_value as bigint) as movie_id,
    try_cast(rating_value as double) as rating,
    coalesce(
        try_cast(time_text as bigint),
        epoch(try_cast(time_text as timestamp))::bigint
    ) as timestamp,
from chosen;
