-- Errors of the current model on test, in buckets by three dimensions.
-- Grain: one row per dimension and bucket; every dimension covers every test row once.
-- Squared errors are exact decimals, so that the buckets add up to the whole exactly.
with test_rows as (
    select
        user_id,
        movie_id,
        actual_rating,
        predicted_rating,
        predicted_rating::double - actual_rating as error,
        ((predicted_rating::double - actual_rating) ** 2)::decimal(38, 12) as square,
    from predictions
    where split = 'test'
),

scale as (
    select
        min(actual_rating) as lowest_rating,
        greatest((max(actual_rating) - min(actual_rating)) / 10, 1e-9) as width,
    from test_rows
),

train_rows as materialized (
    select
        user_id,
        movie_id,
    from split_ratings
    where split = 'train'
),

user_quarters as (
    select
        known.user_id,
        count(train_rows.user_id) as rating_count,
        ntile(4) over (
            order by count(train_rows.user_id), known.user_id
        ) as quarter,
    from (select distinct user_id from test_rows) as known
    left join train_rows
        on known.user_id = train_rows.user_id
    group by known.user_id
),

movie_quarters as (
    select
        known.movie_id,
        count(train_rows.movie_id) as rating_count,
        ntile(4) over (
            order by count(train_rows.movie_id), known.movie_id
        ) as quarter,
    from (select distinct movie_id from test_rows) as known
    left join train_rows
        on known.movie_id = train_rows.movie_id
    group by known.movie_id
),

placed as (
    select
        'rating' as dimension,
        least(
            floor((test.actual_rating - scale.lowest_rating) / scale.width + 1e-6), 9
        ) as bucket,
        test.actual_rating as position,
        test.error,
        test.square,
        test.predicted_rating,
    from test_rows as test
    cross join scale
    union all
    select
        'user activity' as dimension,
        quarters.quarter as bucket,
        quarters.rating_count as position,
        test.error,
        test.square,
        test.predicted_rating,
    from test_rows as test
    inner join user_quarters as quarters
        on test.user_id = quarters.user_id
    union all
    select
        'movie popularity' as dimension,
        quarters.quarter as bucket,
        quarters.rating_count as position,
        test.error,
        test.square,
        test.predicted_rating,
    from test_rows as test
    inner join movie_quarters as quarters
        on test.movie_id = quarters.movie_id
)

select
    dimension,
    min(position) as lowest,
    max(position) as highest,
    count(*) as rating_count,
    sum(square) as squared_error,
    round(avg(error), 9) as bias,
    round(stddev_samp(error) / sqrt(count(*)), 9) as bias_deviation,
    quantile_cont(predicted_rating, 0.1) as predicted_low,
    quantile_cont(predicted_rating, 0.5) as predicted_middle,
    quantile_cont(predicted_rating, 0.9) as predicted_high,
from placed
group by dimension, bucket
order by dimension, bucket;
