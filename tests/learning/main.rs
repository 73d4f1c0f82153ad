//! The learning core: gradients against finite differences and enumeration, trained models against closed forms, hostile input.

mod autodiff;
mod checkpoint;
mod generator;
mod icnn;
mod layers;
mod loss;
mod mlp;
mod optim;
mod probe;
mod rbm;
mod sequential;
mod training;
