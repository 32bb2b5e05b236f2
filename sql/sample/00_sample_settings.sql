-- sample_settings: the size of the synthetic sample, from one bound parameter.
-- Grain: exactly one row.
-- Reads: the bound parameter $rating_count, the ratings wanted; null means 100,000.
-- Why: users and movies grow with the ratings as they do in MovieLens: 100 thousand
--      ratings have 610 and 9,724, 32 million have 195,200 and 84,582.

create or replace temp table sample_settings as
with wanted as (
    select coalesce($rating_count::bigint, 100000) as rating_count,
)

select
    rating_count,
    greatest(1, round(610 * (rating_count / 100000)))::bigint as user_count,
    round(9724 * pow(rating_count / 100000, 0.375))::bigint as movie_count,
from wanted;
