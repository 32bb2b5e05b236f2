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
        coalesce(
            try_cast(user_id as bigint),
            try_cast(userid as bigint),
            try_cast("user" as bigint),
            try_cast(uid as bigint)
        ) as user_id,
        coalesce(
            try_cast(user_id as double),
            try_cast(userid as double),
            try_cast("user" as double),
            try_cast(uid as double)
        ) as user_number,
        coalesce(
            try_cast(movie_id as bigint),
            try_cast(movieid as bigint),
            try_cast(movie as bigint),
            try_cast(item_id as bigint),
            try_cast(itemid as bigint),
            try_cast(item as bigint),
            try_cast(iid as bigint)
        ) as movie_id,
        coalesce(
            try_cast(movie_id as double),
            try_cast(movieid as double),
            try_cast(movie as double),
            try_cast(item_id as double),
            try_cast(itemid as double),
            try_cast(item as double),
            try_cast(iid as double)
        ) as movie_number,
        coalesce(
            try_cast(rating as double),
            try_cast(ratings as double),
            try_cast(score as double),
            try_cast(stars as double)
        ) as rating,
        coalesce(timestamp::varchar, rated_at::varchar, time::varchar) as time_text,
    from named
)

-- A cast to bigint alone would round 3.7: the id of somebody else.
select
    if(user_id = user_number, user_id, null) as user_id,
    if(movie_id = movie_number, movie_id, null) as movie_id,
    rating,
    coalesce(
        try_cast(time_text as bigint),
        epoch(try_cast(time_text as timestamp))::bigint
    ) as timestamp,
from chosen;
