-- Take the generated ratings as the ratings file.
insert into raw_ratings
select
    user_id,
    movie_id,
    rating,
    timestamp,
from sample_ratings;
