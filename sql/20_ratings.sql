-- ratings: what each user thinks of each movie they rated.
-- Grain: one row per (user_id, movie_id); the latest rating wins.
-- Reads: raw_ratings, superseded_ratings.

create or replace view ratings as
select
    raw.user_id,
    raw.movie_id,
    raw.rating,
    -- Outside these years (0001 to 9999) it is no date that a client could show
    case
        when raw.timestamp between -62135596800 and 253402300799
            then make_timestamp(raw.timestamp * 1000000)
    end as rated_at,
from raw_ratings as raw
where raw.rowid not in (select replaced.raw_row from superseded_ratings as replaced);

comment on view ratings is
'Ratings, the latest of each pair. One row per (user_id, movie_id).';
comment on column ratings.user_id is
'User as the data names it.';
comment on column ratings.movie_id is
'Movie as the data names it.';
comment on column ratings.rating is
'Rating on the data''s own scale (stars).';
comment on column ratings.rated_at is
'When it was rated, UTC; null if the source does not say or it is no date.';
