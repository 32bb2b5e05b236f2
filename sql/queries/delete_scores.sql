-- Forget predictions and recommendations, before those of the current model take their
-- place.
delete from predictions;

delete from recommendations;
