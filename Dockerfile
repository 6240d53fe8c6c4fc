# syntax=docker/dockerfile:1
# docker build --build-arg TORCH_BACKEND=cuda -t llamavid-server .      (cpu by default; cuda needs the NVIDIA container toolkit on the host)

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG TORCH_BACKEND=cpu
WORKDIR /source

# Package restore is a layer of its own: it changes only with the project files.
COPY global.json Directory.Build.props Directory.Build.targets Directory.Packages.props BannedSymbols.txt .editorconfig ./
COPY src/LlamaVid.Media/LlamaVid.Media.csproj src/LlamaVid.Media/
COPY src/LlamaVid.Model/LlamaVid.Model.csproj src/LlamaVid.Model/
COPY src/LlamaVid.Engine/LlamaVid.Engine.csproj src/LlamaVid.Engine/
COPY src/LlamaVid.Server/LlamaVid.Server.csproj src/LlamaVid.Server/
RUN dotnet restore src/LlamaVid.Server -p:TorchBackend=$TORCH_BACKEND

COPY src src
COPY deploy/native deploy/native
RUN dotnet publish src/LlamaVid.Server -c Release --no-restore -p:TorchBackend=$TORCH_BACKEND -o /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0
RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg curl \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o $APP_UID /scratch /features /data
WORKDIR /app
COPY --from=build /app .
COPY --chmod=755 deploy/ready.sh .
COPY deploy/models/default /models/default

# Files and jobs are on one disk, so that a job keeps the files it names under second names instead of copies.
# Inside a container every address is the container's own: who may reach it is decided where the port is published.
ENV LLAMAVID__Model__Path=/models/default \
    LLAMAVID__Media__TempDirectory=/scratch \
    LLAMAVID__Engine__FeatureStorePath=/features \
    LLAMAVID__Files__Path=/data/files \
    LLAMAVID__Jobs__Path=/data/jobs \
    LLAMAVID__Security__AllowAnonymous=true \
    LLAMAVID__Urls=http://0.0.0.0:8080
EXPOSE 8080
USER $APP_UID
HEALTHCHECK --interval=15s --timeout=3s --start-period=10m CMD /app/ready.sh || exit 1
ENTRYPOINT ["dotnet", "LlamaVid.Server.dll"]
