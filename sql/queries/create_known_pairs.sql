-- What is known of the pairs to be scored, read from the views once.
create or replace temp table known_pairs as
select
    user_id,
    movie_id,
    rating,
    split,
from split_ratings;
