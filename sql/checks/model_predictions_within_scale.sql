-- Offending rows: predictions that are not finite or outside the model's scale.
select
    prediction.user_id,
    prediction.movie_id,
    prediction.predicted_rating,
from predictions as prediction
inner join models as model
    on prediction.model_id = model.model_id
where
    not isfinite(prediction.predicted_rating)
    or prediction.predicted_rating
    not between model.lowest_rating::float and model.highest_rating::float
order by prediction.user_id, prediction.movie_id;
