-- Errors of the current model on test, in buckets by three dimensions.
-- Grain: one row per dimension and bucket; every dimension covers every test row once.
select
    replace(bucket_kind, '_', ' ') as dimension,
    lowest,
    highest,
    rating_count,
    squared_error,
    bias,
    bias_deviation,
    predicted_low,
    predicted_middle,
    predicted_high,
from evaluation_buckets
where split = 'test'
order by dimension, bucket;
