-- The rows that a model learns from and is judged on, in a total order.
-- What is neither train nor valid is test: two flags cost less than a text per row.
select
    user_index::bigint as user_index,
    movie_index::bigint as movie_index,
    rating::float as rating,
    split = 'train' as is_train,
    split = 'valid' as is_valid,
from split_ratings
order by user_index, movie_index;
