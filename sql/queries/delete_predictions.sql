-- Forget the predictions, before those of the current model take their place.
delete from predictions;
