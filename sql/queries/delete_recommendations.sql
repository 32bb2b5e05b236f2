-- Forget the recommendations, before those of the current model take their place.
delete from recommendations;
