-- Ten test ratings of a user beside their predictions; which ten depends on the seed.
with chosen as (
    select
        prediction.movie_id,
        prediction.title,
        prediction.actual_rating,
        prediction.predicted_rating,
    from predictions as prediction
    cross join settings
    where prediction.user_id = $user_id and prediction.split = 'test'
    order by
        md5(
            concat_ws(
                ':', settings.split_seed, prediction.user_id, prediction.movie_id
            )
        ),
        prediction.movie_id
    limit 10
)

select
    movie_id,
    title,
    actual_rating,
    predicted_rating::double as predicted_rating,
    predicted_rating::double - actual_rating as error,
from chosen
order by actual_rating desc, movie_id;
