-- Offending rows: predicted ratings outside their interval, or intervals off the scale.
select
    prediction.user_id,
    prediction.movie_id,
    prediction.lower,
    prediction.predicted_rating,
    prediction.upper,
from predictions as prediction
inner join models as model
    on prediction.model_id = model.model_id
where
    not prediction.predicted_rating between prediction.lower and prediction.upper
    or prediction.lower < model.lowest_rating::float
    or prediction.upper > model.highest_rating::float
order by prediction.user_id, prediction.movie_id;
