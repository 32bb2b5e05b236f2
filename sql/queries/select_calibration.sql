-- Tenths of the test rows by predicted rating: what was predicted, what was given.
-- Grain: one row per tenth, lowest predictions first.
with ranked as (
    select
        predicted_rating::double as predicted_rating,
        actual_rating,
        ntile(10) over (order by predicted_rating, user_id, movie_id) as tenth,
    from predictions
    where split = 'test'
)

select
    count(*) as rating_count,
    round(avg(predicted_rating), 9) as predicted,
    round(avg(actual_rating), 9) as actual,
    round(
        coalesce(stddev_samp(actual_rating), 0) / sqrt(count(*)), 9
    ) as actual_deviation,
from ranked
group by tenth
order by tenth;
