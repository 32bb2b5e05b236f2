-- Ratings in each split.
select
    count(*) filter (where split = 'train') as train,
    count(*) filter (where split = 'valid') as valid,
    count(*) filter (where split = 'test') as test,
from split_ratings;
