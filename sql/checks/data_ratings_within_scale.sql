-- Offending rows: ratings outside the scale, or a scale with no width.
select
    rating.user_id,
    rating.movie_id,
    rating.rating,
    scale.lowest_rating,
    scale.highest_rating,
from filtered_ratings as rating
cross join rating_scale as scale
where
    rating.rating not between scale.lowest_rating and scale.highest_rating
    or scale.lowest_rating >= scale.highest_rating
order by rating.user_id, rating.movie_id;
