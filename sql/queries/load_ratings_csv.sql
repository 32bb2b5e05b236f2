-- Load a ratings CSV file into raw_ratings; what is not a number becomes null.
-- Joining by name a row-less list of the usual names lets one query read them all.
insert into raw_ratings
with file as (
    from read_csv(
        $path,
        delim = $delimiter,
        header = true,
        quote = '"',
        escape = '"',
        all_varchar = true
    )
),

named as (
    select * from file
    union all by name
    select
        null::varchar as user_id,
        null::varchar as userid,
        null::varchar as "user",
        null::varchar as uid,
        null::varchar as movie_id,
        null::varchar as movieid,
        null::varchar as movie,
        null::varchar as item_id,
        null::varchar as itemid,
        null::varchar as item,
        null::varchar as iid,
        null::varchar as rating,
        null::varchar as ratings,
        null::varchar as score,
        null::varchar as stars,
        null::varchar as timestamp,
        null::varchar as rated_at,
        null::varchar as time,
    where false
),

chosen as (
    select
        coalesce(user_id, userid, "user", uid) as user_text,
        coalesce(movie_id, movieid, movie, item_id, itemid, item, iid) as movie_text,
        coalesce(rating, ratings, score, stars) as rating_text,
        coalesce(timestamp, rated_at, time) as time_text,
    from named
)

-- A cast to bigint alone would round '3.7': the id of somebody else.
select
    if(
        try_cast(user_text as bigint) = try_cast(user_text as double),
        try_cast(user_text as bigint),
        null
    ) as user_id,
    if(
        try_cast(movie_text as bigint) = try_cast(movie_text as double),
        try_cast(movie_text as bigint),
        null
    ) as movie_id,
    try_cast(rating_text as double) as rating,
    coalesce(
        try_cast(time_text as bigint),
        epoch(try_cast(time_text as timestamp))::bigint
    ) as timestamp,
from chosen;
