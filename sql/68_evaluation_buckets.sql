-- evaluation_buckets: errors of the current model by user, by movie and by rating.
-- Grain: one row per split, kind of bucket and bucket; each kind covers every row once.
-- Reads: predictions.
-- Why: one number hides where a model errs. Squares are exact decimals: those of the
--      buckets of a kind add up to those of the whole split, to the last digit.

create or replace view evaluation_buckets as
with known as materialized (
    select
        model_id,
        split,
        user_id,
        movie_id,
        actual_rating,
        predicted_rating,
        predicted_rating::double - actual_rating as error,
    from predictions
    where split is not null
),

scale as (
    select
        min(actual_rating) as lowest_rating,
        greatest((max(actual_rating) - min(actual_rating)) / 10, 1e-9) as width,
    from known
),

user_quarters as (
    select
        user_id,
        count(*) filter (where split = 'train') as rating_count,
        ntile(4) over (
            order by count(*) filter (where split = 'train'), user_id
        ) as quarter,
    from known
    group by user_id
),

movie_quarters as (
    select
        movie_id,
        count(*) filter (where split = 'train') as rating_count,
        ntile(4) over (
            order by count(*) filter (where split = 'train'), movie_id
        ) as quarter,
    from known
    group by movie_id
),

placed as (
    select
        known.model_id,
        known.split,
        'rating' as bucket_kind,
        1 + least(
            floor((known.actual_rating - scale.lowest_rating) / scale.width + 1e-6), 9
        )::bigint as bucket,
        known.actual_rating as position,
        known.error,
        known.predicted_rating,
    from known
    cross join scale
    union all
    select
        known.model_id,
        known.split,
        'user_activity' as bucket_kind,
        quarters.quarter as bucket,
        quarters.rating_count as position,
        known.error,
        known.predicted_rating,
    from known
    inner join user_quarters as quarters
        on known.user_id = quarters.user_id
    union all
    select
        known.model_id,
        known.split,
        'movie_popularity' as bucket_kind,
        quarters.quarter as bucket,
        quarters.rating_count as position,
        known.error,
        known.predicted_rating,
    from known
    inner join movie_quarters as quarters
        on known.movie_id = quarters.movie_id
),

summed as (
    select
        model_id,
        split,
        bucket_kind,
        bucket,
        min(position) as lowest,
        max(position) as highest,
        count(*) as rating_count,
        sum((error ** 2)::decimal(38, 12)) as squared_error,
        sum(abs(error)::decimal(38, 12)) as absolute_error,
        sum(error::decimal(38, 12)) as summed_error,
        stddev_samp(error) as error_deviation,
        quantile_cont(predicted_rating, 0.1) as predicted_low,
        quantile_cont(predicted_rating, 0.5) as predicted_middle,
        quantile_cont(predicted_rating, 0.9) as predicted_high,
    from placed
    group by model_id, split, bucket_kind, bucket
)

select
    model_id,
    split,
    bucket_kind,
    bucket,
    lowest,
    highest,
    rating_count,
    round(sqrt(squared_error::double / rating_count), 9) as rmse,
    round(absolute_error::double / rating_count, 9) as mae,
    round(summed_error::double / rating_count, 9) as bias,
    round(error_deviation / sqrt(rating_count), 9) as bias_deviation,
    squared_error,
    predicted_low,
    predicted_middle,
    predicted_high,
from summed
order by split, bucket_kind, bucket;

comment on view evaluation_buckets is
'Errors of the current model in parts. One row per split, kind of bucket and bucket.';
comment on column evaluation_buckets.model_id is
'The current model, as in models.';
comment on column evaluation_buckets.split is
'''train'', ''valid'' or ''test''.';
comment on column evaluation_buckets.bucket_kind is
'''user_activity'' and ''movie_popularity'' (quarters of the users and movies by train '
'ratings), ''rating'' (tenths of the scale).';
comment on column evaluation_buckets.bucket is
'Bucket from 1, lowest first; only those with ratings.';
comment on column evaluation_buckets.lowest is
'Lowest train ratings of a user or movie (count), or lowest rating (stars).';
comment on column evaluation_buckets.highest is
'Highest train ratings of a user or movie (count), or highest rating (stars).';
comment on column evaluation_buckets.rating_count is
'Ratings of the split in the bucket (count).';
comment on column evaluation_buckets.rmse is
'Root mean squared error (stars).';
comment on column evaluation_buckets.mae is
'Mean absolute error (stars).';
comment on column evaluation_buckets.bias is
'Mean of predicted_rating minus actual_rating (stars).';
comment on column evaluation_buckets.bias_deviation is
'Standard error of bias, as if ratings were independent (stars); null for one rating.';
comment on column evaluation_buckets.squared_error is
'Sum of squared errors (stars squared), exact: buckets of a kind add up to the split.';
comment on column evaluation_buckets.predicted_low is
'Predicted rating that one in ten ratings of the bucket is below (stars).';
comment on column evaluation_buckets.predicted_middle is
'Median predicted rating (stars).';
comment on column evaluation_buckets.predicted_high is
'Predicted rating that nine in ten ratings of the bucket are below (stars).';
